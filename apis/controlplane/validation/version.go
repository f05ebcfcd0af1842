package validation

import (
	"k8s.io/apimachinery/pkg/util/version"
)

// minorOf is the major and the minor number of a version, false where it has none.
func minorOf(text *string) (minor [2]uint, ok bool) {
	if text == nil {
		return minor, false
	}
	parsed, err := version.ParseGeneric(*text)
	if err != nil {
		return minor, false
	}
	return [2]uint{parsed.Major(), parsed.Minor()}, true
}

func older(a, b [2]uint) bool { return a[0] < b[0] || a[0] == b[0] && a[1] < b[1] }
