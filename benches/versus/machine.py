"""Processes, ports and CPU clocks of one machine."""

import os
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A process of ours: pinned to a core, in a group of its own, gone when the bench is."""

    alive = []

    def __init__(self, name, command, core, log, cwd):
        self.name = name
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
            )
        Child.alive.append(self)

    def await_port(self, port, seconds=15):
        """Waits until it listens; raises with the end of its log when it does not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.words()}")
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not listen on {port}: {self.words()}")

    def words(self):
        """The end of what it printed."""
        with open(self.log, "rb") as output:
            return output.read()[-2000:].decode(errors="replace").strip() or "(it printed nothing)"

    def stop(self):
        """SIGTERM, then SIGKILL for whoever is left of the group."""
        if self in Child.alive:
            Child.alive.remove(self)
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(patience)
                if number == signal.SIGKILL or not _group_lives(self.process.pid):
                    return
            except subprocess.TimeoutExpired:
                continue

    @staticmethod
    def stop_all():
        for child in list(Child.alive):
            child.stop()

    def cpu(self):
        """CPU seconds of the process and its descendants, all threads: the sum to the nanosecond, (user, system) in ticks of 10 ms."""
        total = user = system = 0
        for pid in self._family():
            fields = _stat(pid)
            if fields:
                total += time.clock_gettime(_cpu_clock(int(pid)))
                user += int(fields[11])
                system += int(fields[12])
        return total, user / TICKS, system / TICKS

    def peak(self):
        """The most resident bytes that the process and its descendants had. Pages that they share count once for each."""
        return sum(_memory(pid).get("VmHWM", 0) for pid in self._family())

    def own(self):
        """Resident bytes that are no file's."""
        return sum(memory.get("VmRSS", 0) - memory.get("RssFile", 0) for memory in map(_memory, self._family()))

    def _family(self):
        parents = {}
        for entry in os.listdir("/proc"):
            fields = _stat(entry) if entry.isdigit() else None
            if fields:
                parents[int(entry)] = int(fields[1])
        family = [self.process.pid]
        # Grows while it is walked: children of children are found too.
        for member in family:
            family.extend(pid for pid, parent in parents.items() if parent == member)
        return family


def _cpu_clock(pid):
    """The clock that the processor's time of another process is read from: what clock_getcpuclockid(3) gives on Linux."""
    return ~pid << 3 | 2


def _stat(pid):
    """The fields of /proc/PID/stat after the command's name, which may hold spaces; the first is the state."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _memory(pid):
    """The lines of /proc/PID/status that are in kB, as bytes."""
    try:
        with open(f"/proc/{pid}/status") as status:
            lines = (line.split() for line in status)
            return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[-1] == "kB"}
    except (FileNotFoundError, ProcessLookupError):
        return {}


def _group_lives(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def free_ports(count):
    """Ports that are free now. They are held together, so that they differ."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()
