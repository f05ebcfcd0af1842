package cloud

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"k8s.io/utils/clock"
)

const (
	// imageAge is how long a found image is used for further machines. Images are
	// published a few times a month; machines of one rollout should be alike.
	imageAge = 10 * time.Minute
	// imageFailureAge is how long a failed look-up is answered from memory, so that
	// many machines that want the same image make one call.
	imageFailureAge = 10 * time.Second
	// imageTimeout bounds one look-up.
	imageTimeout = 30 * time.Second
)

// ImageQuery says which machine image is wanted: exactly one of ID, Parameter
// and Name is set.
type ImageQuery struct {
	// ID of the image.
	ID string
	// Parameter is the name of the SSM parameter which holds the id.
	Parameter string
	// Owner is the account, Name the pattern with the wildcards * and ?, and
	// Architecture the processor (x86_64, arm64) of the newest image to find.
	Owner, Name, Architecture string
}

// String says what is looked for.
func (q ImageQuery) String() string {
	switch {
	case q.ID != "":
		return "image " + q.ID
	case q.Parameter != "":
		return "the image that the SSM parameter " + q.Parameter + " names"
	}
	return fmt.Sprintf("an image named %q of account %s for %s", q.Name, q.Owner, q.Architecture)
}

// NoImageError says that no image fits a query.
type NoImageError struct{ Query ImageQuery }

func (e *NoImageError) Error() string { return "there isn't " + e.Query.String() }

// Images finds machine images and remembers them per identity, account and region, so
// that any number of equal machines costs one call.
type Images struct{ memo *Memo[*ec2types.Image] }

// NewImages gives a finder that knows nothing yet. The clock is the real one if nil.
func NewImages(c clock.PassiveClock) *Images {
	return &Images{NewMemo[*ec2types.Image](c, MemoTimes{Answer: imageAge, Failure: imageFailureAge, Timeout: imageTimeout})}
}

// Find returns the image. Callers of the same query at the same time share one
// call. The error is a NoImageError, AWS's, or ctx's.
func (i *Images) Find(ctx context.Context, session *Session, query ImageQuery) (*ec2types.Image, error) {
	return i.memo.Get(ctx, session.Asker(), fmt.Sprintf("%#v", query), func(ctx context.Context) (*ec2types.Image, error) {
		return findImage(ctx, session, query)
	})
}

func findImage(ctx context.Context, session *Session, query ImageQuery) (*ec2types.Image, error) {
	in := &ec2.DescribeImagesInput{}
	switch {
	case query.Parameter != "":
		out, err := session.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(query.Parameter)})
		if IsNotFound(err) {
			return nil, &NoImageError{query}
		}
		if err != nil {
			return nil, err
		}
		in.ImageIds = []string{aws.ToString(out.Parameter.Value)}
	case query.ID != "":
		in.ImageIds = []string{query.ID}
	default:
		in.Owners = []string{query.Owner}
		in.Filters = imageFilters(query)
	}
	out, err := session.EC2.DescribeImages(ctx, in)
	if IsNotFound(err) || err == nil && len(out.Images) == 0 {
		return nil, &NoImageError{query}
	}
	if err != nil {
		return nil, err
	}
	return newest(out.Images), nil
}

func imageFilters(query ImageQuery) []ec2types.Filter {
	filter := func(name, value string) ec2types.Filter {
		return ec2types.Filter{Name: aws.String(name), Values: []string{value}}
	}
	return []ec2types.Filter{
		filter("name", query.Name), filter("architecture", query.Architecture),
		filter("state", "available"), filter("virtualization-type", "hvm"),
	}
}

// newest returns the image that was made last. AWS writes all dates in one form,
// so that they sort as text.
func newest(images []ec2types.Image) *ec2types.Image {
	best := &images[0]
	for i := range images {
		c := strings.Compare(aws.ToString(images[i].CreationDate), aws.ToString(best.CreationDate))
		if c > 0 || c == 0 && aws.ToString(images[i].ImageId) > aws.ToString(best.ImageId) {
			best = &images[i]
		}
	}
	return best
}
