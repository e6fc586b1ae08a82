"""Redis for one application."""

from components.redis.redis import PORT, Redis, RedisArgs

__all__ = ["PORT", "Redis", "RedisArgs"]
