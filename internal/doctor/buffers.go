package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"porthole/internal/egress"
)

// wantBuffer is what the server asks of the kernel for its media socket, in bytes.
const wantBuffer = 4 << 20

// buffers looks at what the kernel does for a UDP socket that serves many.
func (c Config) buffers(context.Context) []Finding {
	found := []Finding{
		kernelLimit("/proc", "rmem_max", "receive buffer", "keyframes of several publishers at once are lost before they are read"),
		kernelLimit("/proc", "wmem_max", "send buffer", "a keyframe to many viewers at once is lost before it leaves"),
	}
	return append(found, batches())
}

// kernelLimit reads net.core.NAME.
func kernelLimit(proc, name, what, harm string) Finding {
	f := Finding{Group: "buffers", Name: what, Found: "not known on this system"}
	text, err := os.ReadFile(filepath.Join(proc, "sys", "net", "core", name))
	if err != nil {
		return f
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return f
	}
	f.Data = map[string]any{"bytes": limit, "want": wantBuffer}
	f.Found = fmt.Sprintf("net.core.%s allows %d KiB", name, limit>>10)
	if limit < wantBuffer/2 {
		f.Verdict = Warn
		f.Found += fmt.Sprintf(" of the %d KiB that are asked for; %s", wantBuffer>>10, harm)
		f.Cure = fmt.Sprintf("sysctl -w net.core.%s=%d, and the same in /etc/sysctl.d to keep it", name, wantBuffer)
	}
	return f
}

// batches finds out how media would leave.
func batches() Finding {
	f := Finding{Group: "buffers", Name: "batches"}
	udp, err := net.ListenUDP("udp", nil)
	if err != nil {
		f.Verdict, f.Found, f.Cure = Fail, fmt.Sprintf("no UDP socket can be made: %v", err), "look at the limits of this user and container"
		return f
	}
	defer udp.Close()
	conn, err := egress.New(udp, egress.Segmented)
	if err != nil {
		f.Verdict, f.Found, f.Cure = Warn, err.Error(), "media leaves packet by packet; serve few viewers"
		return f
	}
	f.Found = "media leaves by " + conn.Mode().String()
	f.Data = map[string]any{"mode": conn.Mode().String()}
	if conn.Mode() != egress.Segmented {
		f.Verdict, f.Cure = Warn, "each viewer costs more processor time; Linux 4.18 or newer sends a picture with one system call"
	}
	return f
}
