//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Numbers of the kernel's interface that package syscall lacks.
const (
	clockBoottime = 7          // clock_gettime(2)
	tcsbrk        = 0x5409     // with 1: tcdrain(3)
	vidiocSCtrl   = 0xc008561c // set a control of a camera
	vidiocReqbufs = 0xc0145608 // ask a camera for buffers, which makes it ours
)

// vividArgs makes one camera, of the kind that webcams are, with the number that it shall have.
const vividArgs = "n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0 vid_cap_nr="

// link is the lasting name of the camera, which udev would make: there is no udev here, so the guest makes it.
const link = "/dev/v4l/by-id/usb-vivid_0001-video-index0"

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// prepare mounts what programs expect and sets up the loopback interface.
func prepare() error {
	for _, m := range []struct{ kind, dir string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil && !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	return raiseLoopback()
}

func raiseLoopback() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer syscall.Close(socket)
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	return ioctl(uintptr(socket), syscall.SIOCSIFFLAGS, pointer(&request), "raise the loopback interface")
}

func ioctl(fd, request, argument uintptr, what string) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, argument); errno != 0 {
		return fmt.Errorf("%s: %w", what, errno)
	}
	return nil
}

// cameraNode is the camera with a number.
func cameraNode(number int) string { return fmt.Sprintf("/dev/video%d", number) }

// loadModules loads the camera and what it needs, in the order that the test wrote down.
func loadModules() error {
	order, err := os.ReadFile("/modules/order")
	if err != nil {
		return err
	}
	for name := range strings.FieldsSeq(string(order)) {
		if name == "vivid" {
			continue // plug loads it
		}
		if err := loadModule(name, ""); err != nil {
			return err
		}
	}
	return nil
}

// plug plugs the camera in, under a number and with its name.
func plug(number int) error {
	if err := loadModule("vivid", vividArgs+strconv.Itoa(number)); err != nil {
		return err
	}
	if err := awaitFile(cameraNode(number)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	return os.Symlink("../../video"+strconv.Itoa(number), link)
}

func loadModule(name, arguments string) error {
	image, err := os.ReadFile("/modules/" + name + ".ko")
	if err != nil {
		return err
	}
	text, err := syscall.BytePtrFromString(arguments)
	if err != nil {
		return err
	}
	_, _, errno := syscall.Syscall(syscall.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&image[0])), uintptr(len(image)), uintptr(unsafe.Pointer(text)))
	if errno != 0 && errno != syscall.EEXIST {
		return fmt.Errorf("load %s: %w", name, errno)
	}
	return nil
}

// unplug pulls the camera out under Porthole's hands, and waits until Porthole has let go of it.
func unplug(number int) error {
	if err := press(cameraNode(number), disconnect); err != nil {
		return err
	}
	name, err := syscall.BytePtrFromString("vivid")
	if err != nil {
		return err
	}
	if err := os.Remove(link); err != nil {
		return err
	}
	return poll(func() error {
		// The kernel refuses while anybody has the camera open.
		if _, _, errno := syscall.Syscall(syscall.SYS_DELETE_MODULE, uintptr(unsafe.Pointer(name)), syscall.O_NONBLOCK, 0); errno != 0 {
			return fmt.Errorf("remove the camera: %w", errno)
		}
		return nil
	})
}

func awaitFile(path string) error {
	return poll(func() error { _, err := os.Stat(path); return err })
}

// poll tries until it works, for 20 s.
func poll(try func() error) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// writeRaw writes bytes to a serial port as they are: a terminal would turn line ends into two characters.
func writeRaw(port string, data []byte) error {
	f, err := os.OpenFile(port, os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	var settings syscall.Termios
	if err := ioctl(f.Fd(), syscall.TCGETS, pointer(&settings), port); err != nil {
		return err
	}
	settings.Oflag &^= syscall.OPOST
	if err := ioctl(f.Fd(), syscall.TCSETS, pointer(&settings), port); err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, ioctl(f.Fd(), tcsbrk, 1, port), f.Close())
}

// drain waits until everything that was written to the ports has left them.
func drain(ports ...string) error {
	var faults []error
	for _, port := range ports {
		f, err := os.OpenFile(port, os.O_WRONLY|syscall.O_NOCTTY, 0)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		faults = append(faults, ioctl(f.Fd(), tcsbrk, 1, port), f.Close())
	}
	return errors.Join(faults...)
}
