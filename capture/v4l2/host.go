package v4l2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"porthole/capture/source"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/holders"
)

// Node is an open device node; *videodev.Device is one, and says what the methods do.
type Node interface {
	Capability() (videodev.Capability, error)
	Modes(sizes [][2]int) []videodev.Mode
	Configure(s videodev.Setup) (videodev.Layout, error)
	Start(buffers int) error
	Next(ctx context.Context, within time.Duration) (videodev.Frame, error)
	Release(f videodev.Frame) error
	Controls() ([]videodev.Control, error)
	Set(id uint32, value int64) error
	ExtensionUnits() []videodev.ExtensionUnit
	AskUnit(unit, selector uint8, q videodev.Query, data []byte) error
	Close() error
}

// Host is where cameras are: this machine, or what tests make up.
type Host struct {
	Dir  Dir
	Open func(path string) (Node, error)
}

// ThisMachine is the host with its own cameras.
func ThisMachine() Host { return Host{Dir: system, Open: openNode} }

// errAmbiguous is for a part of a name that several cameras have.
var errAmbiguous = errors.New("say which one")

// foundNode is an open node that delivers pictures.
type foundNode struct {
	Node
	path  string // /dev/videoN, links resolved
	about videodev.Capability
	modes []Mode
}

// usualSizes are offered by cameras that scale to any size, besides the one that is asked for.
func usualSizes() [][2]int {
	return [][2]int{
		{320, 180}, {320, 240}, {640, 360}, {640, 480}, {800, 600}, {960, 540}, {1024, 768}, {1280, 720}, {1280, 960},
		{1600, 1200}, {1920, 1080}, {2560, 1440}, {3840, 2160},
	}
}

// open opens a node and asks for its modes.
func (h Host) open(path string, spec source.Spec) (*foundNode, error) {
	node, err := h.Open(path)
	switch {
	case err != nil && isBusy(err): // some drivers can be open only once
		return nil, &source.BusyError{Device: path, Holders: holdersOf(path)}
	case errors.Is(err, fs.ErrPermission):
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	case errors.Is(err, videodev.ErrNoCapture):
		return nil, fmt.Errorf("%s: %w", path, source.ErrNoMode)
	case err != nil:
		return nil, err
	}
	sizes := usualSizes()
	if asked := [2]int{spec.Width, spec.Height}; asked[0] > 0 && !slices.Contains(sizes, asked) {
		sizes = append(sizes, asked)
	}
	n := &foundNode{Node: node, path: path, modes: modesOf(node.Modes(sizes))}
	if n.about, err = node.Capability(); err != nil {
		_ = node.Close()
		return nil, err
	}
	if len(n.modes) == 0 || processes(n.about.Driver) {
		_ = node.Close()
		return nil, fmt.Errorf("%s: %w", path, source.ErrNoMode)
	}
	return n, nil
}

// processes tells the drivers whose nodes only give back, processed, what they were given, and so never anything here: the image
// processors of Raspberry Pis.
func processes(driver string) bool { return driver == "bcm2835-isp" || driver == "pispbe" }

// List returns the cameras that the machine has now; never nil.
func (h Host) List() []CameraInfo {
	list := []CameraInfo{}
	for _, path := range h.Dir.nodes() {
		info := CameraInfo{Device: path, ID: h.Dir.id(path), Modes: []Mode{}}
		n, err := h.open(path, source.Spec{})
		switch {
		case err == nil:
			info.Name, info.Bus, info.Modes = n.about.Name, n.about.Bus, n.modes
			_ = n.Close()
		case errors.Is(err, source.ErrNoMode):
			continue
		default:
			info.Name, info.Problem = h.Dir.model(path), err.Error()
		}
		list = append(list, info)
	}
	return list
}

// find opens the nodes of the camera of this name (see Spec.Device), the one that has the name first. One camera may have several,
// often one for H.264. Where the spec names a node, it is that one only.
func (h Host) find(name string, spec source.Spec) ([]*foundNode, error) {
	path := h.Dir.path(name)
	if path == "" {
		return h.findNamed(name, spec)
	}
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(h.Dir.nodes(), path) {
		return nil, fmt.Errorf("%s: not a video device", path)
	}
	n, err := h.open(path, spec)
	if err != nil {
		return nil, err
	}
	if h.Dir.path(spec.Device) != "" {
		return []*foundNode{n}, nil
	}
	return append([]*foundNode{n}, h.siblings(spec, n)...), nil
}

// siblings opens the other nodes of a camera: those at the same place of the bus as the ones that are known.
func (h Host) siblings(spec source.Spec, known ...*foundNode) (others []*foundNode) {
	n := known[0]
	for _, path := range h.Dir.nodes() {
		if n.about.Bus == "" || slices.ContainsFunc(known, func(o *foundNode) bool { return o.path == path }) {
			continue
		}
		other, err := h.open(path, spec)
		switch {
		case err != nil: // it could not be chosen anyway
		case other.about.Bus == n.about.Bus && other.about.Driver == n.about.Driver:
			others = append(others, other)
		default:
			_ = other.Close()
		}
	}
	return others
}

// findNamed opens the nodes of the first camera; where a part of a name was asked for, of the only one that has it. When there is none,
// but a device that could not be asked, the error is its.
func (h Host) findNamed(name string, spec source.Spec) ([]*foundNode, error) {
	result := source.ErrNoCamera
	if name != "" {
		result = fmt.Errorf("%w with %q in its name", source.ErrNoCamera, name)
	}
	var found []*foundNode
	for _, path := range h.Dir.nodes() {
		n, err := h.open(path, spec)
		if err != nil {
			if h.Dir.named(name, path, h.Dir.model(path)) && !errors.Is(err, source.ErrNoMode) && errors.Is(result, source.ErrNoCamera) {
				result = err
			}
			continue
		}
		switch {
		case !h.Dir.named(name, path, n.about.Name):
			_ = n.Close()
		case found == nil, n.about.Bus != "" && n.about.Bus == found[0].about.Bus:
			found = append(found, n)
		case name == "":
			_ = n.Close()
		default:
			closeAll(append(found, n))
			return nil, fmt.Errorf("%q is in the names of both %s and %s: %w", name, found[0].path, path, errAmbiguous)
		}
	}
	if found == nil {
		return nil, result
	}
	if name == "" {
		return found, nil
	}
	return append(found, h.siblings(spec, found...)...), nil
}

func closeAll(nodes []*foundNode) {
	for _, n := range nodes {
		_ = n.Close()
	}
}

// choose picks the mode, and the node that has it, that suits the spec best, and closes the others. After an error all are closed. Raw
// pictures are those of the first node that has any, and so is H.264: another node may be another eye, which sees the dark.
func choose(nodes []*foundNode, spec source.Spec) (*foundNode, Choice, error) {
	var all []Mode
	owner := make(map[bool]*foundNode) // of raw pictures, and of H.264
	for _, n := range nodes {
		for _, m := range n.modes {
			if owner[isRaw(m)] == nil {
				owner[isRaw(m)] = n
			}
			if owner[isRaw(m)] == n {
				all = append(all, m)
			}
		}
	}
	mode, err := pickMode(all, spec)
	if err != nil {
		closeAll(nodes)
		return nil, Choice{}, fmt.Errorf("%s: %w", nodes[0].path, err)
	}
	best := owner[mode.Format != formatH264]
	for _, n := range nodes {
		if n != best {
			_ = n.Close()
		}
	}
	return best, mode, nil
}

// buffers is how many the driver has to fill, while one is read: at 30 pictures a second, capture survives 130 ms in which nobody reads.
const buffers = 5

// configure sets a mode.
func (n *foundNode) configure(mode Choice, spec source.Spec) (videodev.Layout, error) {
	setup := videodev.Setup{Format: codeOf(mode.Format), Width: mode.Width, Height: mode.Height, Rate: mode.FPS}
	if setup.Rate == 0 {
		setup.Rate = float64(spec.FPS) // a driver that does not tell its rates may still take one
	}
	layout, err := n.Configure(setup)
	if err != nil && mode.FPS == 0 && !isBusy(err) {
		setup.Rate = 0 // and where it does not, it runs at its own
		layout, err = n.Configure(setup)
	}
	return layout, err
}

// start starts the node in a mode. After an error it is closed.
func (n *foundNode) start(mode Choice, spec source.Spec) (videodev.Layout, error) {
	layout, err := n.configure(mode, spec)
	if err == nil {
		err = n.Start(buffers)
	}
	if err != nil {
		return layout, n.failed(mode, err)
	}
	return layout, nil
}

// failed closes a node that could not be started, and says why.
func (n *foundNode) failed(mode Choice, err error) error {
	_ = n.Close()
	switch {
	case isBusy(err):
		return &source.BusyError{Device: n.path, Holders: holdersOf(n.path)}
	case errors.Is(err, syscall.ENOSPC): // what the USB drivers say
		return fmt.Errorf("start %s %dx%d: its USB bus has no room for that beside other devices; plug it in elsewhere, or ask for a smaller size or rate: %w",
			mode.Format, mode.Width, mode.Height, err)
	}
	return fmt.Errorf("start %s %dx%d: %w", mode.Format, mode.Width, mode.Height, err)
}

func isBusy(err error) bool { return errors.Is(err, syscall.EBUSY) }

// holdersOf names the other processes that have a device open.
func holdersOf(node string) (names []string) {
	for _, p := range holders.System.OfFile(node) {
		if p.PID != os.Getpid() {
			names = append(names, p.String())
		}
	}
	return names
}

// modesOf lists what can be read, for people: in the order of sortModes.
func modesOf(device []videodev.Mode) []Mode {
	modes := []Mode{}
	for _, m := range device {
		format, known := formatOf(m.Format)
		if !known || m.Width <= 0 || m.Height <= 0 {
			continue
		}
		mode := Mode{Format: format.name, Width: m.Width, Height: m.Height, FPS: append([]float64{}, m.Rates...)}
		if !slices.ContainsFunc(modes, func(o Mode) bool { return o.Format == mode.Format && o.Width == mode.Width && o.Height == mode.Height }) {
			modes = append(modes, mode)
		}
	}
	sortModes(modes)
	return modes
}

// pixelFormat is a format that can be read.
type pixelFormat struct {
	name string // for people, and in Mode
	code videodev.FourCC
}

func formats() []pixelFormat {
	return []pixelFormat{
		{"I420", videodev.Code("YU12")}, {"YUYV", videodev.Code("YUYV")}, {"UYVY", videodev.Code("UYVY")}, {"NV12", videodev.Code("NV12")},
		{"NV21", videodev.Code("NV21")}, {"MJPEG", videodev.Code("MJPG")}, {"JPEG", videodev.Code("JPEG")}, {formatH264, videodev.Code("H264")},
	}
}

const formatH264 = "H264"

func formatOf(code videodev.FourCC) (pixelFormat, bool) {
	for _, f := range formats() {
		if f.code == code {
			return f, true
		}
	}
	return pixelFormat{}, false
}

// codeOf is the code of a format that formats lists.
func codeOf(name string) videodev.FourCC {
	for _, f := range formats() {
		if f.name == name {
			return f.code
		}
	}
	return 0
}
