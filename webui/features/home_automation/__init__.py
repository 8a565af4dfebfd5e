"""The page of the connection to home automation over MQTT."""
