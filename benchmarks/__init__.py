"""The speed and memory figures, each a command: `./portal bench NAME`. The last line is `NAME figure goal ok|short`."""
