"""Writes and reads HLS playlists (RFC 8216) as text; pure."""
