"""Celery's keys for every worker."""

broker_url = "sqs://"
# By its name, as nothing of ours is imported here: kombu's own transport does not survive its first HTTP 500.
broker_transport = "rugbytx.broker.transport:Transport"
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # an on-premises worker outlives any outage
broker_transport_options = {
    "wait_time_seconds": 20,
    "polling_interval": 1,
    "sqs_base64_encoding": False,
    # Besides the receive count, which kombu always asks for: how old a message in hand is.
    "fetch_message_attributes": ["ApproximateFirstReceiveTimestamp"],
    # The read timeout must outlast a long poll; SQS answers everything else within seconds.
    "client-config": {
        "connect_timeout": 5,
        "read_timeout": 30,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    },
}

task_default_queue = "transcode"
task_serializer = "json"
accept_content = ["json"]
task_ignore_result = True

# The message goes only after its lane has left everything in the store.
task_acks_late = True
task_reject_on_worker_lost = True
task_acks_on_failure_or_timeout = False

# One encode at a time, and no second message in hand while it runs.
worker_concurrency = 1
worker_prefetch_multiplier = 1
worker_cancel_long_running_tasks_on_connection_loss = False  # the lease decides, not the connection
worker_enable_prefetch_count_reduction = False  # the transport counts busy slots across connections
worker_detect_quorum_queues = False  # SQS has none

# SQS carries no control messages: progress and control live in the store.  Events have a queue of their own,
# and RUGBYTX_EVENTS says whether they are sent.
worker_enable_remote_control = False
worker_hijack_root_logger = False
