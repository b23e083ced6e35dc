"""The index and the logs in DynamoDB: keys, items, one sequenced log, one table gateway."""
