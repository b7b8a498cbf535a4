"""What tracked links show: the web's side of `spooling.tracking`."""
