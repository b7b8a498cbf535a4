"""Files of what happened to the mails of a sending domain on one day (UTC), one for each family of events."""
