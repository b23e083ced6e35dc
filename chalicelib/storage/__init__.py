"""The store's state in S3, DynamoDB and SQS. No HTTP."""
