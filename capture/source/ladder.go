package source

import (
	"errors"
	"strconv"
	"strings"
)

// MaxRungs is how many smaller sizes a ladder has, at most.
const MaxRungs = 4

const (
	ladderAuto = "auto"
	ladderOff  = "off"
)

// Ladder says in which smaller sizes a source's pictures can be had besides their own. The zero value is none.
type Ladder struct {
	Auto    bool          // in halves, as long as they are worth while
	Heights [MaxRungs]int // otherwise: in rows, in falling order; 0: no more
}

// String is the value of the key "ladder": "auto", "off", or "360,180".
func (l Ladder) String() string {
	if l.Auto {
		return ladderAuto
	}
	var heights []string
	for _, h := range l.Heights {
		if h > 0 {
			heights = append(heights, strconv.Itoa(h))
		}
	}
	if len(heights) == 0 {
		return ladderOff
	}
	return strings.Join(heights, ",")
}

func setLadder(s *Spec, value string) error {
	s.Ladder = Ladder{}
	switch value {
	case ladderAuto:
		s.Ladder.Auto = true
		return nil
	case ladderOff:
		return nil
	}
	last := maxHeight
	for i, text := range strings.Split(value, ",") {
		height, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return errors.New("not a list of heights")
		case i >= MaxRungs:
			return errors.New("too many")
		case height%2 != 0:
			return errors.New("odd height")
		case height < minHeight || height >= last:
			return errors.New("out of range, or out of order")
		}
		s.Ladder.Heights[i], last = height, height
	}
	return nil
}
