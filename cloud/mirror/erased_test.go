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
	stays, gone := func() (any, weak.Pointer[string]) {
		other := aws.String("i-other, which is in the same listing and goes")
		rows := []ec2types.Instance{{}, {InstanceId: other}}
		return pointers(rows)[0], weak.Make(other)
	}()
	runtime.GC()
	if gone.Value() != nil {
		t.Error("another row is kept in memory")
	}
	runtime.KeepAlive(stays)
}
