"""What a tree of files holds, and how it is walked, opened and emptied."""
