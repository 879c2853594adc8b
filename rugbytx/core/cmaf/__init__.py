"""Reads the boxes of CMAF files out of bytes (ISO/IEC 14496-12 and 23000-19); pure."""
