FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt
COPY . .
ENV EARWIG_DATA=/data PYTHONUNBUFFERED=1
RUN useradd --system --home /app earwig && mkdir /data && chown -R earwig /data
USER earwig
VOLUME /data
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000"]
