"""The store on DynamoDB: one table, named conditions, one module for each port; talks to DynamoDB only."""
