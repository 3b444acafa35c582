package doctor

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"porthole/internal/holders"
)

func TestFreePorts(t *testing.T) {
	found := Config{Sockets: []Socket{{Flag: "--media", Address: "127.0.0.1:0", UDP: true, TCP: true}}}.sockets(t.Context())
	if len(found) != 2 || found[0].Verdict != OK || found[1].Verdict != OK || found[1].Name != "--media UDP" {
		t.Errorf("got %+v", found)
	}
}

// A port that is taken is told with the program that has it: the test itself.
func TestTakenPorts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Fatal("this test reads /proc")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for network, address := range map[string]net.Addr{"tcp": listener.Addr(), "udp": conn.LocalAddr()} {
		f := Socket{Flag: "--media", Address: address.String()}.try(t.Context(), network, holders.System)
		holder := "(pid " + strconv.Itoa(os.Getpid()) + ")"
		if f.Verdict != Fail || !strings.Contains(f.Found, holder) || !strings.Contains(f.Cure, "--media") {
			t.Errorf("%s: got %s: %s; %s", network, f.Verdict, f.Found, f.Cure)
		}
	}
	f := Socket{Flag: "--http", Address: listener.Addr().String()}.try(t.Context(), "tcp", holders.Proc(t.TempDir()))
	if f.Verdict != Fail || !strings.Contains(f.Found, "another user") {
		t.Errorf("without /proc: got %s", f.Found)
	}
}

func TestAddressesThatCannotBeListenedOn(t *testing.T) {
	f := Socket{Flag: "--http", Address: "203.0.113.1:8080"}.try(t.Context(), "tcp", holders.System)
	if f.Verdict != Fail || !strings.Contains(f.Found, "no such address") {
		t.Errorf("got %s", f.Found)
	}
}

// A server that runs already is what the doctor is asked about.
func TestPortOfARunningServer(t *testing.T) {
	proc := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	write("net/tcp", header+
		"   0: 0100007F:1F90 0100007F:C350 01 0:0 0:0 0 0 0 77 1 x\n"+ // a connection, not a listener
		"   1: 00000000:1F91 00000000:0000 0A 0:0 0:0 0 0 0 55 1 x\n")
	write("net/tcp6", header+"   0: 0:1F90 0:0 0A 0:0 0:0 0 0 0 66 1 x\n")
	write("10/comm", "porthole\n")
	write("11/comm", "chromium\n")
	for pid, inode := range map[string]string{"10": "66", "11": "77"} {
		dir := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("socket:["+inode+"]", filepath.Join(dir, "3")); err != nil {
			t.Fatal(err)
		}
	}
	f := Socket{Flag: "--http", Address: ":8080"}.taken(Finding{Data: map[string]any{}}, "tcp", holders.Proc(proc))
	if f.Verdict != Warn || f.Found != ":8080 is taken by porthole (pid 10)" {
		t.Errorf("got %s: %s", f.Verdict, f.Found)
	}
}

func TestKernelLimits(t *testing.T) {
	proc := t.TempDir()
	dir := filepath.Join(proc, "sys", "net", "core")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Verdict{"212992\n": Warn, "4194304\n": OK} {
		if err := os.WriteFile(filepath.Join(dir, "rmem_max"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := kernelLimit(proc, "rmem_max", "receive buffer", "harm")
		if f.Verdict != want || (want == Warn) != strings.Contains(f.Cure, "sysctl -w net.core.rmem_max=") {
			t.Errorf("%q: got %s: %s; %s", text, f.Verdict, f.Found, f.Cure)
		}
	}
	if f := kernelLimit(proc, "wmem_max", "send buffer", "harm"); f.Verdict != OK {
		t.Errorf("without the file: %+v", f)
	}
}
