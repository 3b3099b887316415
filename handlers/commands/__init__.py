"""The commands of `event-dedup`, by what a person wants: dedupe files, watch a folder, look something up, change something."""
