package v4l2

import (
	"context"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notices are the kernel's, of changes in the directories of device nodes (inotify(7)). Unlike udev's they need no daemon, and so
// also work in a container.
type notices struct {
	dir     Dir
	file    *os.File
	watched map[string]int32 // directories and their watch descriptors
}

func openNotices(dir Dir) (*notices, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	n := &notices{dir: dir, file: os.NewFile(uintptr(fd), "inotify"), watched: make(map[string]int32)}
	if err := n.watch(); err != nil {
		_ = n.file.Close()
		return nil, err
	}
	return n, nil
}

// watch adds the directories that are there. All but the first come and go with the cameras.
func (n *notices) watch() error {
	const about = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_ATTRIB | unix.IN_ONLYDIR
	dirs := []string{n.dir.join(), n.dir.join("v4l"), n.dir.join("v4l", "by-id"), n.dir.join("v4l", "by-path")}
	for i, dir := range dirs {
		wd, err := n.add(dir, about) // adding a directory that is watched does nothing
		switch {
		case err == nil:
			n.watched[dir] = int32(wd)
		case i == 0:
			return fmt.Errorf("watch %s: %w", dir, err)
		default:
			delete(n.watched, dir)
		}
	}
	return nil
}

// add goes around File.Fd, which would make reading block beyond Close.
func (n *notices) add(dir string, about uint32) (wd int, err error) {
	raw, err := n.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	if controlErr := raw.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), dir, about) }); controlErr != nil {
		return 0, controlErr
	}
	return wd, err
}

// run calls changed at every change until ctx ends, and then returns nil.
func (n *notices) run(ctx context.Context, changed func()) error {
	defer n.file.Close()
	unregister := context.AfterFunc(ctx, func() { _ = n.file.Close() }) // ends Read
	defer unregister()
	buffer := make([]byte, 64*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		size, err := n.file.Read(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch %s: %w", n.dir, err)
		}
		if !n.concerns(buffer[:size]) {
			continue
		}
		if err := n.watch(); err != nil {
			return err
		}
		changed()
	}
}

// concerns says whether one of the notices is about cameras. In /dev itself most are not.
func (n *notices) concerns(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		end := unix.SizeofInotifyEvent + int(event.Len)
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")
		events = events[end:]
		if event.Wd != n.watched[n.dir.join()] || event.Mask&unix.IN_Q_OVERFLOW != 0 ||
			strings.HasPrefix(name, "video") || name == "v4l" {
			return true
		}
	}
	return false
}
