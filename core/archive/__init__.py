"""Archives of code and media: written, verified, compared with the live tree, swapped in."""
