package netlab

import (
	"os/exec"

	"github.com/chromedp/chromedp"
)

// ChromiumOptions are those of a headless browser with a fake camera and microphone, which may send media over loopback.
func ChromiumOptions() []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // root may not have one
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// Media over 127.0.0.1: the second flag works only together with the first.
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("allow-loopback-in-peer-connection", true),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.WindowSize(1280, 900),
	)
}

// Browser has chromedp start its browser on the machine. The browser is killed when this process ends.
func (m *Machine) Browser() chromedp.ExecAllocatorOption {
	return chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		endWithParent(cmd)
		path, err := exec.LookPath("ip")
		if err != nil {
			cmd.Err = err
			return
		}
		cmd.Args = m.argv(append([]string{cmd.Path}, cmd.Args[1:]...))
		cmd.Path = path
	})
}
