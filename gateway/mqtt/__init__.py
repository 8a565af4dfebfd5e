"""Home automation over MQTT: the process `qalqan mqtt`, which publishes states and takes commands."""
