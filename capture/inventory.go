package capture

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Inventory is what Devices found on this machine. Its lists are never nil, so that JSON shows [].
type Inventory struct {
	Cameras     []CameraInfo     `json:"cameras"`     // in the order of their device numbers
	Microphones []MicrophoneInfo `json:"microphones"` // the default one first
}

// DefaultCamera is the camera that "camera:" means: the first that has a mode.
func (i Inventory) DefaultCamera() (CameraInfo, bool) {
	for _, c := range i.Cameras {
		if len(c.Modes) > 0 {
			return c, true
		}
	}
	return CameraInfo{}, false
}

// WriteTable prints the inventory for people, the cameras as the URIs that ParseSpec reads. The error is w's.
func (i Inventory) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CAMERA\tFORMAT\tSIZE\tPICTURES A SECOND")
	if len(i.Cameras) == 0 {
		fmt.Fprintln(t, "none found")
	}
	for _, c := range i.Cameras {
		fmt.Fprintln(t, strings.TrimSpace("camera:"+c.Device+"  "+c.Name))
		if c.ID != "" {
			fmt.Fprintf(t, "  camera:%s\n", c.ID)
		}
		if c.Problem != "" {
			fmt.Fprintf(t, "  cannot be asked: %s\n", c.Problem)
		}
		for _, m := range c.Modes {
			fmt.Fprintf(t, "\t%s\t%dx%d\t%s\n", m.Format, m.Width, m.Height, formatRates(m.FPS))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print cameras: %w", err)
	}

	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nMICROPHONE\tNAME\t")
	if len(i.Microphones) == 0 {
		fmt.Fprintln(t, "none found")
	}
	for _, m := range i.Microphones {
		note := ""
		if m.Default {
			note = "(default)"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", m.ID, m.Name, note)
	}
	if len(i.Cameras) == 0 {
		fmt.Fprint(t, "\n", whatToCheck)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print microphones: %w", err)
	}
	return nil
}

// whatToCheck is for who expected a camera.
const whatToCheck = `No camera? Check that
  - it is plugged in, and its cover open: "lsusb" and "ls -l /dev/video*" show what the system sees
  - you may use it: "adduser USER video", then log in again
  - a container or virtual machine is given it: "docker run --device /dev/video0 ..."
Another machine's camera, a phone's or OBS can publish by WHIP instead: open /publish/NAME in a browser there.
`

func formatRates(rates []float64) string {
	if len(rates) == 0 {
		return "not told"
	}
	var texts []string
	for _, r := range rates {
		texts = append(texts, strconv.FormatFloat(r, 'f', -1, 64))
	}
	return strings.Join(texts, " ")
}
