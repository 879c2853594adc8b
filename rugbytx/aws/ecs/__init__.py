"""The service of AWS workers, its task agent and AWS's own scaling; talks to ECS and Application Auto Scaling."""
