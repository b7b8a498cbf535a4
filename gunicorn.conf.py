"""What every `gunicorn config.wsgi` shares; the command line and GUNICORN_CMD_ARGS override it."""

from config import access_log

worker_class = "config.web_worker.WebWorker"
threads = 8
accesslog = "-"
access_log_format = access_log.FORMAT
logger_class = access_log.AccessLog
graceful_timeout = 8
# Nobody uses it, and two installations of one user would share its path.
control_socket_disable = True
