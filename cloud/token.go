package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// TokenPrefix begins the tokens that EKS takes.
// https://docs.aws.amazon.com/eks/latest/userguide/cluster-auth.html
const TokenPrefix = "k8s-aws-v1."

const (
	// tokenClusterHeader ties a token to one cluster.
	tokenClusterHeader = "x-k8s-aws-id"
	// tokenParameter is what the request says of its own life, which STS and EKS don't go by.
	tokenParameter = "60"
	// TokenLife is how long EKS takes a token, if its credentials live so long.
	TokenLife = 15 * time.Minute
)

// Token lets its bearer into the Kubernetes API of one EKS cluster, as the session's principal.
type Token struct {
	Value string
	// Life is how long it was good when it was made.
	Life time.Duration
}

// Token makes a token for an EKS cluster: a signed request to STS that whoever gets it may
// send to learn who signed it. Nothing is called, unless credentials are due. The request
// is to AWS's own endpoint, whatever endpoint is configured: EKS takes no other.
func (s *Session) Token(ctx context.Context, cluster string) (Token, error) {
	if s.credentials == nil {
		return Token{}, errors.New("the session has no credentials")
	}
	c, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("credentials for a token: %w", err)
	}
	client := sts.NewPresignClient(sts.New(sts.Options{Region: s.Scope.Region, Credentials: s.credentials}))
	request, err := client.PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, sts.WithPresignClientFromClientOptions(func(o *sts.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(tokenClusterHeader, cluster), smithyhttp.SetHeaderValue("X-Amz-Expires", tokenParameter))
	}))
	if err != nil {
		return Token{}, fmt.Errorf("sign a token for cluster %s: %w", cluster, err)
	}
	life := TokenLife
	if c.CanExpire {
		life = min(life, time.Until(c.Expires))
	}
	return Token{Value: TokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(request.URL)), Life: life}, nil
}
