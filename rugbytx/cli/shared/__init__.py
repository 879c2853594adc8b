"""What commands share: output, exit statuses, connections, and views of jobs and workers."""
