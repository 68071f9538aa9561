"""The seccomp filter of the sandbox: a classic BPF program that refuses what a notebook never needs.

It is a deny list. Namespaces, read-only mounts and missing capabilities already stop these calls from doing
harm; the filter keeps student code away from the kernel code behind them, and from memory that no limit
counts (memfd, System V segments, pages in pipes, network buffers).
"""

import errno
import struct

# Refused everywhere: number on x86_64, number on aarch64 (None: the call does not exist there).
DENIED = {
    # Other processes and their memory.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "userfaultfd": (323, 282),
    "perf_event_open": (298, 241), "bpf": (321, 280),
    # Keys, which outlive a process and are shared by everything of one user.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # Mounts, namespaces, and files by handle.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "unshare": (272, 97), "setns": (308, 268), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "lookup_dcookie": (212, 18),
    # The machine.
    "reboot": (169, 142), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "create_module": (174, None), "query_module": (178, None), "get_kernel_syms": (177, None),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None), "personality": (135, 92),
    "vhangup": (153, 58), "nfsservctl": (180, 42), "afs_syscall": (183, None),
    # Rings that carry out calls past this filter.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Memory that belongs to no process.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "vmsplice": (278, 75),
}
CLONE, CLONE3, IOCTL, PRCTL = (56, 220), (435, 435), (16, 29), (157, 167)
SOCKETS = [(41, 198), (53, 199)]                # socket, socketpair

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}    # column above, AUDIT_ARCH_*

NEW_NAMESPACES = 0x7E020000         # every CLONE_NEW* flag that clone() takes
TERMINAL_INPUT = (0x5412, 0x541C)   # TIOCSTI, TIOCLINUX: both can type into a terminal
PR_SET_DUMPABLE = 4                 # would hide a process from the watchdog
AF_UNIX, AF_INET = 1, 2             # ipykernel's output thread talks to itself over 127.0.0.1
X32 = 0x40000000                    # the second set of call numbers on x86_64

# Instructions of classic BPF, and where seccomp keeps what they look at (struct seccomp_data).
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCH, FIRST, SECOND = 0, 4, 16, 24
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
REFUSE = ERRNO | errno.EPERM
NO_FAMILY = ERRNO | errno.EOPNOTSUPP    # what zmq takes as "no network interfaces", instead of giving up


def program(machine):
    """The filter for `machine` (as in `platform.machine()`), as bytes for `bwrap --seccomp`.

    Raises KeyError for a machine without a table.
    """
    column, arch = MACHINES[machine]
    code = [(LOAD, 0, 0, ARCH), (EQUAL, 1, 0, arch), (RETURN, 0, 0, REFUSE), (LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        code += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, REFUSE)]
    for numbers in DENIED.values():
        if numbers[column] is not None:
            code += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE)]
    # clone3 hides its flags behind a pointer; "no such call" makes the C library use clone.
    code += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]

    def when(numbers, argument, *tests):
        """Judge one call by an argument's lower half: the tests return, or fall through to ALLOW."""
        body = [(LOAD, 0, 0, argument), *tests, (RETURN, 0, 0, ALLOW)]
        code.extend([(EQUAL, 0, len(body), numbers[column]), *body])

    when(CLONE, FIRST, (ANY_BIT, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, REFUSE))
    when(PRCTL, FIRST, (EQUAL, 0, 1, PR_SET_DUMPABLE), (RETURN, 0, 0, REFUSE))
    when(IOCTL, SECOND, *(step for request in TERMINAL_INPUT
                          for step in [(EQUAL, 0, 1, request), (RETURN, 0, 0, REFUSE)]))
    for numbers in SOCKETS:
        when(numbers, FIRST, (EQUAL, 2, 0, AF_UNIX), (EQUAL, 1, 0, AF_INET), (RETURN, 0, 0, NO_FAMILY))
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in code)
