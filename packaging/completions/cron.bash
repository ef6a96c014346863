# bash completion for cron(8)
_cron() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    -L | --log-level) mapfile -t COMPREPLY < <(compgen -W '0 1 2 3 4 5 7 15' -- "$word") ;;
    -x | --debug) mapfile -t COMPREPLY < <(compgen -W test -- "$word") ;;
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    --mailcmd) mapfile -t COMPREPLY < <(compgen -W 'mailbox: smtp:' -- "$word"; compgen -f -- "$word") ;;
    --mailargs) ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W '-f -l -L -n -x --foreground --lsb-names --log-level --fqdn --debug
        --stop-jobs --config --mailcmd --mailargs --help --version' -- "$word")
      ;;
  esac
}
complete -o filenames -F _cron cron
