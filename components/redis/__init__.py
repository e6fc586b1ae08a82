"""Redis for one application."""

from components.redis.redis import PORT, Redis, RedisArgs, primary_host

__all__ = ["PORT", "Redis", "RedisArgs", "primary_host"]
