"""A campaign's page: how far it is, what became of its mails, how they look, and what holds one back."""
