"""From a claimed mail to the server's answer: steps, letters, SMTP, journal."""
