"""Celery's keys for every worker.  A test holds each to its reason here, to ``Settings`` and to ``deploy/``."""

# Credentials come by boto3's own means and the region from the worker, so the URL says no more than which broker it is.
broker_url = "sqs://"
# By its name, as nothing of ours is imported here: kombu's own transport does not survive its first HTTP 500.
broker_transport = "rugbytx.broker.transport:Transport"
# systemd and ECS start workers before the network is there.
broker_connection_retry_on_startup = True
# None for no end: an on-premises worker outlives any outage.
broker_connection_max_retries = None
# What the SQS transport goes by, see kombu's documentation of it.
broker_transport_options = {
    # SQS's longest: an idle worker asks four thousand times a day, which costs five cents a month.
    "wait_time_seconds": 20,
    # How long after an empty answer the next request goes out, and how often a busy worker looks again.
    "polling_interval": 1,
    # People read the messages, so they go as plain JSON.
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

# The queue's logical name; RUGBYTX_QUEUE is what SQS calls it.
task_default_queue = "transcode"
# What the upload service writes its messages in, without Celery.
task_serializer = "json"
# Nothing that could carry code is read.
accept_content = ["json"]
# Results live in the store; a second place for them would only be able to contradict it.
task_ignore_result = True

# The message goes only after its lane has left everything in the store.
task_acks_late = True
# A pool child that was killed hands its message back instead of taking it along.
task_reject_on_worker_lost = True
# A lane that broke says itself what becomes of its message; by default Celery would delete it.
task_acks_on_failure = False
# Likewise of one that ran past a time limit, should somebody set one.
task_acks_on_timeout = False

# One encode at a time; a host with room for more is given more by --concurrency.
worker_concurrency = 1
# And no second message in hand while it runs: it would wait here, hidden from those who are idle.
worker_prefetch_multiplier = 1
# The lease decides whether work goes on, not the connection to SQS.
worker_cancel_long_running_tasks_on_connection_loss = False
# The transport counts busy slots across connections.
worker_enable_prefetch_count_reduction = False
# SQS has none, and the question is an error there.
worker_detect_quorum_queues = False

# Celery's own way needs an exchange that SQS has not: progress and control live in the store.  Events have a queue
# of their own, as RUGBYTX_EVENTS says.
worker_enable_remote_control = False
# The worker's log is rugbytx's own: JSON lines, an event and its fields.
worker_hijack_root_logger = False
