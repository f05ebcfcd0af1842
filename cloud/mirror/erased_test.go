package mirror

import (
	"runtime"
	"testing"
	"weak"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestARowThatStaysKeepsNothingElseOfItsListing: most rows stay from listing to listing,
// each from the one that showed it first.
func TestARowThatStaysKeepsNothingElseOfItsListing(t *testing.T) {
	rows := make([]ec2types.Instance, 2)
	other := aws.String("i-other, which is in the same listing and goes")
	rows[1].InstanceId = other
	gone := weak.Make(other)
	stays := pointers(rows)[0]
	rows, other = nil, nil
	runtime.GC()
	if gone.Value() != nil {
		t.Error("another row is kept in memory")
	}
	runtime.KeepAlive(stays)
}
