"""The jobs engine: jobs live in DynamoDB, SQS wakes whoever works on them."""
