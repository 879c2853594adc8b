"""One module for each AWS service, each behind a port."""
