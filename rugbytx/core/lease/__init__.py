"""The life of a unit of work: claims, fences, attempts and what becomes of a failed one; pure."""
