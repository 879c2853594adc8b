"""Commands about workers, queues, scaling and cost: one module for each verb."""
