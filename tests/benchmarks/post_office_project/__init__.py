"""A project with nothing but django-post_office, tuned."""
