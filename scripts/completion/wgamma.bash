# Completion of wgamma for bash. Source it, or install it as
# PREFIX/share/bash-completion/completions/wgamma.

_wgamma_gauges='trace frobenius operator schatten: kyfan: sum: max:'

_wgamma_options() {
  case $1 in
    distance)
      printf '%s ' --gauge --a --b --key --tol --time-limit --max-calls --memory-limit --threads \
        --seed --plan --certificate --plot --geodesic --geodesic-out --structure --project \
        --project-out --gradients --json --quiet --help ;;
    pairwise)
      printf '%s ' --stack --gauge --weights --key --tol --time-limit --memory-limit --threads \
        --out --resume --plot --json --quiet --help ;;
    path)
      printf '%s ' --gauges --a --b --key --tol --time-limit --max-calls --memory-limit --threads \
        --seed --out --plot --json --quiet --help ;;
    gaussian)
      printf '%s ' --from-samples --batch --threads --gauge --a --b --tol --time-limit --memory-limit \
        --seed --out --certificate --geodesic --geodesic-out --plot --json --quiet --help ;;
    barycentre)
      printf '%s ' --gauge --weights --tol --time-limit --memory-limit --out --certificate --plot \
        --json --quiet --help ;;
    moments)
      printf '%s ' --gauge --time --samples --times --mean --offset --tol --time-limit \
        --memory-limit --out --plot --json --quiet --help ;;
    reproduce) printf '%s ' gaussians mmd mlp attention convexity --out --data --threads --json --quiet --help ;;
    sphere)
      printf '%s ' --weights-a --weights-b --normalise --gauge --wfr --tol --max-calls --time-limit \
        --memory-limit --threads --out --certificate --plot --json --quiet --help ;;
    dynamic)
      printf '%s ' --gauge --spacing --bins --weights-a --weights-b --steps --static --tol \
        --iterations --time-limit --memory-limit --threads --out --certificate --plot --animate \
        --json --quiet --help ;;
    verify) printf '%s ' --rigorous --threads --json --quiet --help ;;
    lmo)
      printf '%s ' --gauge --out --weights --key --rank-tol --tie-tol --accuracy --check \
        --verify --threads --json --quiet --help ;;
    polar)
      printf '%s ' --out --method --steps --tol --degree --lower --gram --rank-tol --key \
        --threads --json --quiet --help ;;
    muon-step)
      printf '%s ' --out --state --rate --momentum --no-nesterov --weight-decay --scale --gauge \
        --dual-norm --method --steps --tol --check --matrix --adamw --sgd --exclude --axes \
        --row-blocks --column-blocks --fallback --fallback-rate --fallback-decay --beta1 --beta2 \
        --epsilon --threads --json --quiet --help ;;
    plot) printf '%s ' --out --log --title --key --json --quiet --help ;;
    flow)
      printf '%s ' --start --weights --key --gauge --time --method --step --tol --cutoff --cap \
        --inertia --newton-steps --minibatch --seed --out --every --times --log --checkpoint \
        --checkpoint-every --resume --max-steps --time-limit --memory-limit --threads --plot \
        --snapshots --animate --project --project-plot --target --target-weights --kernel --potential \
        --centre --form --data --labels --activation --head --covariance --target-gauge --target-tol \
        --force-accuracy --json --quiet --help ;;
    convexity)
      printf '%s ' --gauge --count --a --b --key --tol --time-limit --memory-limit --threads --out \
        --plot --target --target-weights --kernel --potential --centre --form --data --labels \
        --activation --head --covariance --target-gauge --target-tol --force-accuracy --json \
        --quiet --help ;;
    gauge) printf '%s ' --matrix --key --json --quiet --help ;;
    info) printf '%s ' --key --json --quiet --help ;;
    demo) printf '%s ' --out --data --threads --json --quiet --help ;;
  esac
}

# Bash splits words at colons: what follows one is a number, for which nothing can be proposed.
_wgamma_gauge() {
  compopt -o nospace
  COMPREPLY=($(compgen -W "$_wgamma_gauges" -- "$1"))
}

_wgamma() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]}
  local commands='distance pairwise path verify gaussian barycentre moments sphere dynamic gauge lmo polar muon-step plot flow convexity reproduce info demo help version'
  local only=-f # files; of demo directories
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "$commands --help --version" -- "$current"))
    return
  fi
  case $previous in
    --gauge)
      _wgamma_gauge "$current"
      return ;;
    --gauges)
      compopt -o nospace
      COMPREPLY=($(compgen -W "p=1:inf kyfan=1: $_wgamma_gauges" -- "$current"))
      return ;;
    --method)
      COMPREPLY=($(compgen -W 'auto exact muon newton-schulz polar-express' -- "$current"))
      return ;;
    --scale)
      COMPREPLY=($(compgen -W 'aspect rms none' -- "$current"))
      return ;;
    --fallback)
      COMPREPLY=($(compgen -W 'adamw sgd' -- "$current"))
      return ;;
    --gram)
      COMPREPLY=($(compgen -W 'auto yes no' -- "$current"))
      return ;;
    --rank-tol | --tie-tol | --accuracy | --steps | --degree | --lower | \
      --tol | --time-limit | --max-calls | --memory-limit | --threads | --seed | --geodesic | --key | \
      --project)
      return ;;
    --out | --data)
      [[ $command == demo ]] && only=-d
      compopt -o filenames
      COMPREPLY=($(compgen $only -- "$current"))
      return ;;
  esac
  if [[ $command == help ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  elif [[ $command == gauge && $COMP_CWORD -eq 2 && $current != -* ]]; then
    _wgamma_gauge "$current"
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_wgamma_options "$command")" -- "$current"))
  else
    compopt -o filenames
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}

complete -F _wgamma wgamma
