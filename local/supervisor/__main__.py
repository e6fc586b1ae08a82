"""Run as `python -m local.supervisor NODE.json` in new namespaces.

When this process is killed, the kernel ends every process, mount and interface of the node with it.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from local.supervisor import sandbox
from local.supervisor.spec import NodeSpec
from local.supervisor.supervisor import Supervisor
from tools.files import write_atomically

# Until the components run there is nothing to stop; without a handler the first process of a node gets no SIGTERM.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
# /proc is still the host's: this is the process id that the host knows.
host_pid = Path("/proc/self").readlink().name
spec = NodeSpec.read(Path(sys.argv[1]))
write_atomically(spec.folder("run") / "node.pid", host_pid)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
sandbox.set_up(spec)
Supervisor(spec).run()
