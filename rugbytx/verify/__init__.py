"""Check published outputs again, without trusting what the job's records say of them."""
