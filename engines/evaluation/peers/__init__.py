"""Other programs that recognise speech, as rows of the same table: same recordings, same machine, same clock.

Each is an engine like the house's own, run by the same host; its library is imported when it runs, and never before.
"""
