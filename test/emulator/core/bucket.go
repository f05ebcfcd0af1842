package core

import "time"

// Bucket is a token bucket: Size requests at once, Refill requests per second after that.
type Bucket struct {
	Size   float64 `json:"size"`
	Refill float64 `json:"refill"`
}

// token is a bucket's level at a moment.
type token struct {
	level float64
	at    time.Time
}

// admit takes a token of the action's bucket in this account and region; false means throttled.
func (r *Region) admit(service *Service, operation string, in any, config *Config) bool {
	if !config.RateLimits {
		return true
	}
	bucket, ok := config.Buckets[service.Name+"."+operation]
	if !ok && service.Bucket != nil {
		bucket, ok = service.Bucket(operation, in)
	}
	if !ok {
		return true
	}
	return r.take(service.Name+"."+operation, bucket, config.RateFactor, 1)
}

// Take takes n tokens of a resource bucket, such as the instances of "ec2.RunInstances"; false means throttled. Without
// rate limits it is always true. Config.Buckets replaces it under "resources:" and its name.
func (r *Request) Take(name string, bucket Bucket, n int) bool {
	if replaced, ok := r.Config.Buckets["resources:"+name]; ok {
		bucket = replaced
	}
	return r.system || !r.Config.RateLimits || r.take("resources:"+name, bucket, r.Config.RateFactor, float64(n))
}

func (r *Region) take(key string, bucket Bucket, factor, n float64) bool {
	if factor <= 0 {
		factor = 1
	}
	now, size := r.Now(), bucket.Size*factor
	state, seen := r.tokens[key]
	if !seen {
		state = token{level: size, at: now}
	}
	state.level = min(size, state.level+now.Sub(state.at).Seconds()*bucket.Refill*factor)
	state.at = now
	admitted := state.level >= n
	if admitted {
		state.level -= n
	}
	r.tokens[key] = state
	return admitted
}
