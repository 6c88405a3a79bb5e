"""An example of a connector (conf/connector-openapi.yaml), which the sandbox skill, the demo and the tests use."""
