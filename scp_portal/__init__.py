"""The SCP Integration Portal: the enforcement boundary between the Smart Community Platform and outside systems."""
