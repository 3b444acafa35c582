package v4l2

import "porthole/capture/v4l2/videodev"

func openNode(path string) (Node, error) {
	d, err := videodev.Open(path)
	if err != nil {
		return nil, err
	}
	return d, nil
}
