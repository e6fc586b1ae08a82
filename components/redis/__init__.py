"""Redis for one application, and its backups."""

from components.redis.backup import BACKUP, RESTORE, RedisBackup, RedisBackupArgs
from components.redis.redis import PORT, Redis, RedisArgs

__all__ = ["BACKUP", "PORT", "RESTORE", "Redis", "RedisArgs", "RedisBackup", "RedisBackupArgs"]
