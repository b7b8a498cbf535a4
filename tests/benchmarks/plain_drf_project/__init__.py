"""What most projects would write to take mail: a nested serializer and two inserts in a transaction."""
