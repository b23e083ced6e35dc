"""Makes what is deployed: the ZIP that Lambda runs, and the CloudFormation (SAM) template around it."""
