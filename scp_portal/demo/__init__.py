"""The demo: four countries that do not exist like this, made from a seed, and integrations in every state."""
